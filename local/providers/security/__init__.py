"""Identities, permissions and keys: IAM, KMS and Cognito."""
