package config

import "strings"

// Lineage is where OpenLineage events are sent to. The zero value is nowhere.
type Lineage struct {
	URL       string // that takes events
	Namespace string // of the pipelines
	APIKey    Secret // zero: none is sent
}

// lineage builds what the file and the variables of OpenLineage say, of which the variables win.
func (b *builder) lineage(spec lineageSpec) Lineage {
	path := join("server", "lineage")
	read := func(name, key string, to *string) {
		own, found := b.variable(name)
		if _, ours := b.variable(variable(join(path, key))); found && own != "" && !ours {
			*to = own
		}
	}
	read("OPENLINEAGE_URL", "url", &spec.URL)
	read("OPENLINEAGE_ENDPOINT", "endpoint", &spec.Endpoint)
	read("OPENLINEAGE_NAMESPACE", "namespace", &spec.Namespace)
	var key string
	if read("OPENLINEAGE_API_KEY", "api_key", &key); key != "" {
		spec.APIKey = Secret{store: "env", name: "OPENLINEAGE_API_KEY"}
	}
	if off, _ := b.variable("OPENLINEAGE_DISABLED"); strings.EqualFold(off, "true") || spec.URL == "" {
		return Lineage{}
	}
	b.webAddress(join(path, "url"), spec.URL)
	if spec.Namespace == "" {
		b.missing(path, "namespace")
	}
	return Lineage{
		URL:       strings.TrimRight(spec.URL, "/") + "/" + strings.TrimLeft(spec.Endpoint, "/"),
		Namespace: spec.Namespace,
		APIKey:    b.bind(spec.APIKey),
	}
}

// variable returns a variable of the environment, where that counts.
func (b *builder) variable(name string) (string, bool) {
	if b.env == nil {
		return "", false
	}
	return b.env(name)
}
