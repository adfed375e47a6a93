"""The rules of the AWS provider and of AWS's models for the arguments of resources.

The provider checks arguments while it plans. AWS checks them when the resource is created. With these tables,
the tests and `pulumi preview` find the same mistakes before anything is created.
"""
