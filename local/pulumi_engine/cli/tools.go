//go:build tools

// Package tools names the command that this module builds, so that go.sum locks all its dependencies.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
