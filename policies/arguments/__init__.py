"""The rules for the arguments of resources, from Pulumi's AWS provider and from AWS's API models.

The provider checks arguments while it plans. AWS checks them when the resource is created. With these tables,
the tests and `pulumi preview` find the same mistakes before anything is created.
"""
