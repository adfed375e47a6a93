/** The rows of a release in the site's tag table. The names of the rows begin with the deployment. */
import { createHash } from "node:crypto";
import { BatchGetItemCommand, DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";

// DynamoDB's limits: bytes of a partition key, and keys of a batch.
const MAX_KEY_BYTES = 2048;
const BATCH_SIZE = 100;
const ATTEMPTS = 5;
const FIRST_PAUSE = 20; // milliseconds

let client;

async function send(Command, input) {
  client ??= new DynamoDBClient({ region: process.env.CACHE_BUCKET_REGION });
  return client.send(new Command(input));
}

/** Return the key of a row. `kind` is `tag` or `page`. */
export function buildRowKey(kind, name) {
  const whole = `${process.env.ANCHOR_DEPLOYMENT_ID}/${kind}/${name}`;
  const isShort = Buffer.byteLength(whole) <= MAX_KEY_BYTES;
  const hash = () => `${process.env.ANCHOR_DEPLOYMENT_ID}/${kind}-hash/${createHash("sha256").update(name).digest("hex")}`;
  return { tag: { S: isShort ? whole : hash() }, path: { S: "-" } };
}

/**
 * Set numbers of a row and keep its other numbers. The row is created if it does not exist.
 *
 * @param numbers values by attribute; attributes without a value are ignored
 * @param condition the condition expression and its values, or undefined
 */
export async function updateRow(kind, name, numbers, condition) {
  const given = Object.entries(numbers).filter(([, value]) => value !== undefined);
  await send(UpdateItemCommand, {
    TableName: process.env.CACHE_DYNAMO_TABLE,
    Key: buildRowKey(kind, name),
    UpdateExpression: `SET ${given.map(([attribute]) => `${attribute} = :${attribute}`).join(", ")}`,
    ConditionExpression: condition?.expression,
    ExpressionAttributeValues: Object.fromEntries(
      [...given, ...Object.entries(condition?.values ?? {})].map(([attribute, value]) => [`:${attribute}`, { N: String(value) }]),
    ),
  });
}

/** Return the existing rows of some names, in any order, as objects of numbers. Reads are strongly consistent. */
export async function readRows(kind, names) {
  const keys = new Map([...new Set(names)].map((name) => buildRowKey(kind, name)).map((key) => [key.tag.S, key]));
  const batches = [];
  const all = [...keys.values()];
  for (let start = 0; start < all.length; start += BATCH_SIZE) batches.push(readBatch(all.slice(start, start + BATCH_SIZE)));
  return (await Promise.all(batches)).flat();
}

async function readBatch(keys) {
  const table = process.env.CACHE_DYNAMO_TABLE;
  const rows = [];
  let request = { [table]: { Keys: keys, ConsistentRead: true } };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (attempt) await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE * 2 ** attempt));
    const { Responses, UnprocessedKeys } = await send(BatchGetItemCommand, { RequestItems: request });
    rows.push(...(Responses?.[table] ?? []).map(toNumbers));
    if (!Object.keys(UnprocessedKeys ?? {}).length) return rows;
    request = UnprocessedKeys;
  }
  throw new Error(`DynamoDB did not process the keys of ${table} in ${ATTEMPTS} attempts`);
}

function toNumbers(item) {
  return Object.fromEntries(Object.entries(item).flatMap(([name, { N }]) => (N === undefined ? [] : [[name, Number(N)]])));
}
