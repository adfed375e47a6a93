"""The image service: upload forms, verification of uploads, and images on a CDN.

The functions make these AWS calls, and their roles must allow them:

| function | on | actions |
|---|---|---|
| images-api | the table | GetItem, PutItem, UpdateItem, DeleteItem, ConditionCheckItem |
| images-api | the indexes `UserIndex` and `AlbumIndex` | Query |
| images-api | the bucket, under `uploads/` | PutObject, because its role signs the upload forms |
| images-api | the bucket, under `images/` | DeleteObject |
| images-api | the distribution | CreateInvalidation |
| images-api | its HMAC key | GenerateMac |
| images-uploaded | the table | GetItem, UpdateItem |
| images-uploaded | the bucket, under `uploads/` | GetObject, DeleteObject |
| images-uploaded | the bucket, under `images/` | PutObject, GetObject, DeleteObject |
| images-uploaded | the bucket | ListBucket, without a condition on the prefix |

For a DynamoDB transaction, a role needs the action of each operation in the transaction. To copy an object, a
role needs GetObject on the source and PutObject on the target. This service copies no tags, so it needs no
permissions for tags.

The code never lists the bucket. But without the permission ListBucket, S3 responds to a read of a missing
object with 403 instead of 404. If the code treated 403 as "deleted in the meantime", it would hide missing
permissions.
"""
