"""The shop store: shops and their access tokens, jobs and their progress, the history of imports.

No function of this program uses it yet. The web application does, with a role that the managed policy of
`components/shops/store.py` is attached to. The repositories make these calls and no others:

- `shops.ShopRepository` on the table of shops: GetItem, UpdateItem, DeleteItem.
- `jobs.JobRepository` on the table of jobs: PutItem, GetItem, UpdateItem, BatchGetItem; Query on its indexes
  `ShopIndex` and `StatusIndex`.
- `import_history.ImportHistoryRepository` on the table of import history: PutItem, Query.
- `tokens.TokenCipher` on the key of tokens: Encrypt and Decrypt, always with the encryption context
  `{"shop": <domain>}`.
- `runtime.shared.signing.Signer.derive_cursor_key` on the key of cursors: GenerateMac.

Sessions are not here, and in no DynamoDB table (T8): who is signed in is the web application's own business,
in its own store. They are read at every request, written at most of them and worth nothing an hour later; a
shop's row would make one table answer for both.
"""
