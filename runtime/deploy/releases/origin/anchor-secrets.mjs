/**
 * Loads the secret variables of a release when its function starts.
 *
 * An object in the assets bucket contains them, encrypted with a KMS key (runtime/deploy/releases/release_secrets.py). Only
 * the role of the site may decrypt them. The environment of the function contains only the object's key. So whoever may
 * read the configuration of the function, or the object, does not see the values.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { requestObject } from "./anchor-bucket.mjs";
import { sign } from "./anchor-signature.mjs";

const { ANCHOR_SECRETS_OBJECT, CACHE_BUCKET_NAME, CACHE_BUCKET_REGION } = process.env;
const ENDPOINT = process.env.AWS_ENDPOINT_URL_KMS || process.env.AWS_ENDPOINT_URL;
// Next.js replaces the global function later.
const request = globalThis.fetch;
// All attempts together must end before Lambda ends the start of a function, after ten seconds.
const ATTEMPT_MS = 2_500;
const PAUSES_MS = [100, 400];

/** The secret variables cannot be loaded now. The message contains no value. */
export class SecretsError extends Error {}

/** Return the secret variables of the release by their names. Makes no request if the release has none. */
export async function loadSecrets() {
  if (!ANCHOR_SECRETS_OBJECT) return {};
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await load(AbortSignal.timeout(ATTEMPT_MS));
    } catch (error) {
      if (attempt === PAUSES_MS.length) {
        const reason = [error.message, error.cause?.code].filter(Boolean).join(", ");
        throw new SecretsError(`the secret variables of this release cannot be loaded: ${reason}`);
      }
    }
    await sleep(PAUSES_MS[attempt]);
  }
}

async function load(signal) {
  const object = { bucket: CACHE_BUCKET_NAME, region: CACHE_BUCKET_REGION, key: ANCHOR_SECRETS_OBJECT };
  const answer = await requestObject({ method: "GET", ...object, signal });
  const encrypted = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) throw new Error(`S3 answered ${answer.status} for the object ${ANCHOR_SECRETS_OBJECT}`);
  // A newer release of the project has no secrets. It has emptied this object when it became live.
  return encrypted.length ? JSON.parse(await decrypt(encrypted, signal)) : {};
}

async function decrypt(encrypted, signal) {
  const [, site, project] = ANCHOR_SECRETS_OBJECT.split("/");
  const url = new URL(ENDPOINT || `https://kms.${CACHE_BUCKET_REGION}.amazonaws.com/`);
  const body = JSON.stringify({
    CiphertextBlob: encrypted.toString("base64"),
    EncryptionContext: { site, project },
  });
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.Decrypt" };
  const signed = sign({ method: "POST", url, service: "kms", region: CACHE_BUCKET_REGION, headers, body });
  const answer = await request(url, { method: "POST", headers: signed, body, signal });
  const document = await answer.json();
  // The type of an error names the cause, such as AccessDeniedException.
  if (answer.status !== 200) throw new Error(`KMS answered ${answer.status} ${document.__type}`);
  return Buffer.from(document.Plaintext, "base64").toString();
}
