package config

// This file goes on with the reference in spec.go: the sections about what a server tells the world.

// notificationSpec is a place where people or programs are told what becomes of runs.
type notificationSpec struct {
	// What is there: webhook takes the event as JSON, slack a message as Slack's incoming webhooks and those of Mattermost or
	// Rocket.Chat want it.
	Type string `yaml:"type" enum:"webhook,slack"`

	// The address, http or https, or a reference to it, as ${env:NAME}. For slack it must be a reference: whoever knows the address may
	// write to the channel. It appears in no output.
	URL Address `yaml:"url"`

	// A reference to a secret that the bodies are signed with, for a webhook: HMAC-SHA256, in the header Tidemark-Signature.
	Secret Secret `yaml:"secret"`

	// What is told: failed, recovered, late, fresh. late and fresh need freshness.
	On Strings `yaml:"on" default:"failed,recovered,late,fresh"`

	// The pipelines that are told of, by name, by group, or by patterns with * and ?. The default is all.
	Pipelines Strings `yaml:"pipelines"`

	// How long after failed has been told it is told again, when the pipeline still fails. The default is once, until it has recovered.
	Repeat Duration `yaml:"repeat"`
}

// lineageSpec is a server that takes OpenLineage events.
type lineageSpec struct {
	// The address of a server that takes OpenLineage events, such as http://127.0.0.1:5000 of Marquez. Without one none are
	// sent. The variables OPENLINEAGE_URL, OPENLINEAGE_ENDPOINT, OPENLINEAGE_NAMESPACE and OPENLINEAGE_API_KEY win over these
	// keys, and OPENLINEAGE_DISABLED=true turns them off.
	URL string `yaml:"url"`

	// The path below the url that takes events.
	Endpoint string `yaml:"endpoint" default:"api/v1/lineage"`

	// The namespace of the pipelines, which tells them apart from those of other servers.
	Namespace string `yaml:"namespace" default:"default"`

	// A reference to a key that is sent as a bearer token.
	APIKey Secret `yaml:"api_key"`
}
