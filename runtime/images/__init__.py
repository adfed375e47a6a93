"""The image service: from an upload form to a delivered image (I2, T7).

What each function calls, and so what its role has to allow:

| function | on | actions |
|---|---|---|
| images-api | the table | GetItem, PutItem, UpdateItem, DeleteItem, ConditionCheckItem |
| images-api | the indexes `UserIndex` and `AlbumIndex` | Query |
| images-api | the bucket, under `uploads/` | PutObject: the upload forms are signed with it |
| images-api | the bucket, under `images/` | DeleteObject |
| images-api | the distribution | CreateInvalidation |
| images-api | its HMAC key | GenerateMac |
| images-uploaded | the table | GetItem, UpdateItem |
| images-uploaded | the bucket, under `uploads/` | GetObject, DeleteObject |
| images-uploaded | the bucket, under `images/` | PutObject, GetObject, DeleteObject |
| images-uploaded | the bucket | ListBucket, without a condition on the prefix |

A transaction needs the action of each of its writes. A copy needs GetObject where it comes from and PutObject
where it goes, and rights of tags only if it takes them over, which this one does not. `ListBucket` is never
called: only who has it is told that an object is missing (404). Everybody else is told that access is denied
(403), which would then have to pass for "deleted in the meantime" and would hide a missing right.
"""
