// Package serve is Tidemark as a server, for programs: it runs the pipelines of a config file when their triggers fire, and
// answers over HTTP. The command `tidemark serve` is little more than a call of [Run].
//
// It stands apart from package run, so that a program that runs pipelines by itself carries neither a store nor a web server.
package serve
