import cf from 'cloudfront';
import crypto from 'crypto';

/*
 * CloudFront Function (runtime cloudfront-js-2.0, event viewer-request): selects site, release and origin.
 *
 * The KeyValueStore has one entry for each host (without port), written by the release and promote functions:
 *
 *   shop.sites.example.com -> {"r": "01JB...", "s": "abc.lambda-url...", "i": "def.lambda-url...",
 *                              "n": "shop/01JA...", "k": "9f86...", "h": "lX2c9AmQ0+pZ", "c": 1}
 *
 *   r  release: the deployment's id              n  its project's folder in the assets bucket
 *   s  host of the server function's URL         k  secret header of that release's origins
 *   i  host of the image function's URL
 *   h  files that the bucket answers: 6 characters of the SHA-256 of each path, or the number of further keys with them
 *   c  1: the release's functions decide which answers CloudFront may share. Releases of older versions of this
 *      platform have no c. They send the Cache-Control of Next.js, and CloudFront shares none of their answers
 *
 * The release's server answers all other paths. It also answers requests for files to which middleware or another rule
 * of the site applies, and for hashed files of the project's other releases.
 *
 * For a site with a base path, an asset prefix or a split server, the entry also contains:
 *
 *   b  base path, such as "/docs": all paths of the site are below it
 *   a  asset prefix: path in front of /_next in the site's pages
 *   f  split server: [[host of a function's URL, path pattern, ...], ...]; the first match answers the request
 *
 * If middleware or another rule of the site applies to optimized images, the entry also contains:
 *
 *   m  1: the image function asks the release's server first. It gets the server's host in x-anchor-server
 *
 * Each release also has the entry "{r in lower case}--{host}", with the same value. If h is a number, the keys
 * "{r in lower case}--{host}/0", ".../1" and so on contain the files. They need a second read.
 *
 * Entries of older versions of this platform have no h. All their hashed files are in the bucket. They have
 *
 *   p  root entries of the public files below the base path, such as "|favicon.ico|data/|"; folders end with "/".
 *      If the list is too long, p is "*", and each root entry has its own key, "{r in lower case}--{host}/{entry}"
 *
 * This function relies on two settings of the distribution. The origin of every behavior is `server`, a custom
 * origin without origin access control; it supplies the fields that updateRequestOrigin omits. The cache key
 * contains x-anchor-release, x-anchor-cache and x-forwarded-host.
 *
 * Runtime 2.0 is ES 5.1 with const, let, arrow functions, template strings, async and await; nothing newer.
 * The function makes at most two reads for a request. The number of hosts does not matter.
 */
const store = cf.kvs();

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

// The headers that an asset request keeps. All other input of a viewer is useless to S3, or dangerous:
// ?response-content-type= and x-amz-* change what S3 answers without being part of the cache key.
// The first four headers are read-only: CloudFront answers 502 if a function changes them.
const ASSET_HEADERS = ['host', 'content-length', 'transfer-encoding', 'via', 'cdn-loop', 'accept-encoding', 'range',
  'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];

// S3, a proxy and this function could read these parts of a path differently: empty and dot segments, encoded
// dots, slashes, backslashes and NUL. A request for such a path never goes to S3. It goes to the site's server,
// which can read only files of its own site.
const AMBIGUOUS = /\/\/|\/\.\.?(\/|$)|\\|%(2e|2f|5c|00)/i;

// The platform, OpenNext and Next.js trust these headers. No viewer may send them. For example, older versions of
// Next.js skip their middleware if a request has x-middleware-subrequest.
const TRUSTED = new RegExp('^(x-(anchor|opennext|open-next|vercel|invoke|now|matched|next-resume)-|next-resume|' +
  'x-middleware-(?!prefetch$)|content-security-policy)');
// These headers change the answer of Next.js, and they are not in the cache key.
const INTERNAL = /^(x-middleware-|x-isr|x-prerender-|next-action)/;

async function handler(event) {
  const request = event.request;
  const headers = request.headers;
  // CloudFront answers on the standard ports only. Another port is the viewer's choice, and no part of the site's URL.
  const host = headers.host ? headers.host.value.toLowerCase().replace(/:[0-9]+$/, '') : '';
  if (!/^[a-z0-9.-]{1,253}$/.test(host)) {
    return noSuchSite();
  }

  let site;
  try {
    site = await store.get(host, { format: 'json' });
  } catch (error) {
    // get() fails in the same way for an unknown host and for a store or value that cannot be read.
    return (await isAbsent(host)) ? noSuchSite() : unavailable();
  }
  if (!site || !site.r || !site.n) {
    return unavailable();
  }

  Object.keys(headers).forEach((name) => {
    // OpenNext's revalidation sends x-isr with the key of Next.js's revalidation.
    if (TRUSTED.test(name) || (name === 'x-isr' && !headers['x-prerender-revalidate'])) {
      delete headers[name];
    }
  });

  const path = withoutPrefix(request.uri, site);
  if (path === '/_next/image' || path === '/_next/image/') {
    if (site.m) {
      headers['x-anchor-server'] = { value: serverOf(site, request.uri) };
    }
    return toFunction(event, site, site.i, host);
  }
  // Files are only for GET and HEAD. The server handles other methods, also for their paths.
  if (request.method === 'GET' || request.method === 'HEAD') {
    if (path && !AMBIGUOUS.test(path)) {
      const isHashed = path.startsWith('/_next/static/');
      let isFile;
      try {
        isFile = site.h === undefined ? isHashed || await isBelowFile(path, site, host) : await isDirect(path, site, host);
      } catch (error) {
        return unavailable();
      }
      if (isFile) {
        return toAssets(request, isHashed ? `/assets/${site.n}${path}` : `/assets/${site.n}/${site.r}${request.uri}`);
      }
    }
  }
  const server = serverOf(site, request.uri);
  return toFunction(event, site, server, host);
}

// Return the path relative to the base path, or "" for a path outside the base path.
function withoutPrefix(uri, site) {
  if (site.a && uri.startsWith(`${site.a}/_next/`)) {
    return uri.slice(site.a.length);
  }
  if (!site.b) {
    return uri;
  }
  return uri.startsWith(`${site.b}/`) ? uri.slice(site.b.length) : '';
}

function serverOf(site, uri) {
  const splits = site.f || [];
  let path = uri;
  try {
    path = decodeURIComponent(uri);
  } catch (error) {
    // Compare the path as it was sent.
  }
  for (let i = 0; i < splits.length; i++) {
    for (let j = 1; j < splits[i].length; j++) {
      if (matches(splits[i][j], path)) {
        return splits[i][0];
      }
    }
  }
  return site.s;
}

// "*" matches any characters. There is no regular expression, because an untrusted pattern could take minutes.
function matches(pattern, path) {
  const parts = pattern.split('*');
  const last = parts.length - 1;
  if (last === 0) {
    return path === pattern;
  }
  if (!path.startsWith(parts[0])) {
    return false;
  }
  let at = parts[0].length;
  for (let i = 1; i < last; i++) {
    const found = path.indexOf(parts[i], at);
    if (found < 0) {
      return false;
    }
    at = found + parts[i].length;
  }
  return path.length - parts[last].length >= at && path.endsWith(parts[last]);
}

async function isAbsent(host) {
  try {
    return !(await store.exists(host));
  } catch (error) {
    return false;
  }
}

// Return whether the bucket answers this path. build_edge_keys in runtime/deploy/releases/edge_store.py explains it.
async function isDirect(path, site, host) {
  let name;
  try {
    name = encodeURI(decodeURIComponent(path));
  } catch (error) {
    return false;
  }
  const digest = crypto.createHash('sha256').update(name).digest('base64');
  const mark = digest.slice(0, 6);
  let marks = site.h;
  if (typeof marks === 'number') {
    const number = BASE64.indexOf(digest[6]) * 64 + BASE64.indexOf(digest[7]);
    try {
      marks = await store.get(`${releaseHost(site, host)}/${number % marks}`);
    } catch (error) {
      // The server can answer every path.
      return false;
    }
  }
  let at = marks.indexOf(mark);
  while (at > 0 && at % 6) {
    at = marks.indexOf(mark, at + 1);
  }
  return at >= 0;
}

function releaseHost(site, host) {
  const prefix = `${site.r.toLowerCase()}--`;
  return host.startsWith(prefix) ? host : `${prefix}${host}`;
}

// For releases of older versions of this platform.
async function isBelowFile(path, site, host) {
  const entry = rootEntry(path);
  if (!entry) {
    return false;
  }
  if (site.p !== '*') {
    return (site.p || '').indexOf(`|${entry}|`) >= 0;
  }
  const key = `${releaseHost(site, host)}/${entry}`;
  // A key has at most 512 bytes. The store fails to read a longer key.
  if (encodeURIComponent(key).replace(/%[0-9A-F]{2}/g, 'x').length > 512) {
    return false;
  }
  return await store.exists(key);
}

// "/favicon.ico" -> "favicon.ico", "/data/a/b.json" -> "data/", "/" and invalid names -> "".
function rootEntry(uri) {
  const slash = uri.indexOf('/', 1);
  let entry;
  try {
    entry = decodeURIComponent(slash < 0 ? uri.slice(1) : uri.slice(1, slash + 1));
  } catch (error) {
    return '';
  }
  // "|" separates the entries of p. The name "a|b" would match the two entries "a" and "b".
  return entry.indexOf('|') < 0 ? entry : '';
}

function toAssets(request, uri) {
  Object.keys(request.headers).forEach((name) => {
    if (!ASSET_HEADERS.includes(name)) {
      delete request.headers[name];
    }
  });
  // The new path names the project, so this value needs no release: hashed files stay cached after a release.
  // The value differs from all release ids, so the cache never confuses a file with a page of the same path.
  request.headers['x-anchor-release'] = { value: 'assets' };
  request.headers['x-anchor-cache'] = { value: 'shared' };
  request.cookies = {};
  request.querystring = {};
  // S3 reads "+" in a path as a space.
  request.uri = uri.replace(/\+/g, '%2B');
  cf.selectRequestOriginById('assets');
  return request;
}

function toFunction(event, site, domainName, host) {
  const request = event.request;
  // A request ID is unique, so CloudFront cannot reuse the answer for another request.
  request.headers['x-anchor-cache'] = { value: mayShare(request, site) ? 'shared' : event.context.requestId };
  request.headers['x-forwarded-host'] = { value: host };
  request.headers['x-anchor-release'] = { value: site.r };
  request.headers['x-anchor-origin-key'] = { value: site.k };
  cf.updateRequestOrigin({
    domainName: domainName,
    customOriginConfig: { port: 443, protocol: 'https', sslProtocols: ['TLSv1.2'] },
  });
  return request;
}

// Return whether this function lets CloudFront share the answer. The release's functions can still forbid it.
function mayShare(request, site) {
  return !!site.c && !request.headers.authorization && !request.cookies.__prerender_bypass &&
    !request.cookies.__next_preview_data && !Object.keys(request.headers).some((name) => INTERNAL.test(name));
}

function noSuchSite() {
  return page(404, 'Not Found', 'No site here', 'This address belongs to no site. Check its spelling.', {});
}

function unavailable() {
  return page(503, 'Service Unavailable', 'Not available right now', 'Please try again in a few seconds.', {
    'retry-after': { value: '5' },
  });
}

function page(statusCode, statusDescription, title, text, headers) {
  headers['content-type'] = { value: 'text/html; charset=utf-8' };
  headers['cache-control'] = { value: 'no-store' };
  return {
    statusCode: statusCode,
    statusDescription: statusDescription,
    headers: headers,
    body: {
      encoding: 'text',
      data: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${text}</p></html>`,
    },
  };
}
