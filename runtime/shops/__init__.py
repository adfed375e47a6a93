"""The shop store: shops with their access tokens, jobs with their progress, and the history of imports.

No function of this program uses the shop store yet. It is for a web application outside this repository,
whose role has the managed policy of `components/shops/store.py`. The repositories make only these calls:

- `shops.ShopRepository` on the table of shops: GetItem, UpdateItem, DeleteItem.
- `jobs.JobRepository` on the table of jobs: PutItem, GetItem, UpdateItem, BatchGetItem; Query on its indexes
  `ShopIndex` and `StatusIndex`.
- `import_history.ImportHistoryRepository` on the table of import history: PutItem, Query.
- `tokens.TokenCipher` on the key of tokens: Encrypt and Decrypt, always with the encryption context
  `{"shop": <domain>}`.
- `runtime.shared.signing.Signer.derive_cursor_key` on the key of cursors: GenerateMac.

User sessions are not stored here. The web application keeps them in its own store. Sessions are read at
every request, written at nearly every request, and useless after an hour. If a shop's row contained them, one
table would have two purposes.
"""
