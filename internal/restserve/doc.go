// Package restserve shows the Iceberg tables of lakes to other engines, in the protocol of Iceberg's REST catalogs. DuckDB,
// Spark, Trino and PyIceberg attach to it with one line, and read the files of the tables themselves, with credentials of
// their own: none are handed out.
//
// It only reads. Whatever would change a table or a namespace is refused in the words of the protocol, so that the
// pipelines stay the only ones who commit by this way. Parquet folders are not shown, as the protocol knows Iceberg tables
// alone, nor are tables that are being dropped.
//
// Each lake is a warehouse of the protocol, and the prefix of its paths:
//
//	GET  /v1/config?warehouse=LAKE                                    tells the prefix
//	GET  /v1/LAKE/namespaces                                          ?parent= &pageToken= &pageSize=
//	GET  /v1/LAKE/namespaces/NAMESPACE                                HEAD too
//	GET  /v1/LAKE/namespaces/NAMESPACE/tables                         ?pageToken= &pageSize=
//	GET  /v1/LAKE/namespaces/NAMESPACE/tables/TABLE                   HEAD too; ?snapshots=refs
//	POST /v1/LAKE/namespaces/NAMESPACE/tables/TABLE/metrics           taken and dropped
//	GET  /v1/LAKE/namespaces/NAMESPACE/views                          there are none
//
// Where there is but one lake its prefix may be left out.
package restserve
