"""The rules of each resource type that a stage declares, in a module for each group of AWS services.

`source` is the provider's file that contains a type's rules (hashicorp/terraform-provider-aws, below
`internal/service/`). `follows_model` and `is_in_enum` name the shape of AWS's models that constrains the
argument. If the tuple of an argument is empty, the provider and AWS's models have no rule for the argument.
"""
