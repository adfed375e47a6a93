"""Checks of values against AWS's own models of its APIs. botocore contains these models.

boto3 checks the types, the required members and the minimum lengths of a call. The models also contain enums,
patterns, maximum lengths and ranges, which only AWS checks. This package needs botocore and nothing else,
because the functions of the embedded cloud import it, too.
"""
