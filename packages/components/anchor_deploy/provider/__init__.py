"""The Pulumi provider `anchor`: the components for programs in TypeScript, Go, YAML and other languages."""
