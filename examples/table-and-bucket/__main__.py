"""Notes of users and their files, and a policy for the application that reads and writes them."""

import pulumi
import pulumi_aws as aws
from anchor_deploy import (
    Index,
    Key,
    LifecycleRule,
    ResourceScope,
    RetainedBucket,
    RetainedBucketArgs,
    TableDesign,
    TenantTable,
    TenantTableArgs,
    build_policy_document,
)

stack = pulumi.get_stack()
scope = ResourceScope(prefix=f"notes-{stack}", retain=stack == "production", tags={"Project": "notes"})

design = TableDesign(
    tenant="userId",
    partition_key=Key("userId"),
    sort_key=Key("noteId"),
    indexes=(Index(name="TopicIndex", partition_key=Key("topic"), sort_key=Key("noteId")),),
    ttl_attribute="expiresAt",
)
notes = TenantTable("notes", TenantTableArgs(scope=scope, design=design))

files = RetainedBucket(
    "files",
    RetainedBucketArgs(
        scope=scope,
        versioned=True,
        lifecycle=(LifecycleRule(name="delete-old-versions", noncurrent_expire_days=30),),
    ),
)

policy = aws.iam.Policy(
    "application",
    name=f"{scope.prefix}-application",
    policy=build_policy_document(
        (
            notes.grant("DeleteItem", "PutItem", "Query"),
            notes.grant_query("TopicIndex"),
            files.grant("GetObject", "PutObject", prefix="uploads/"),
        )
    ),
)

pulumi.export("table", notes.table_name)
pulumi.export("bucket", files.bucket_name)
pulumi.export("policyArn", policy.arn)
