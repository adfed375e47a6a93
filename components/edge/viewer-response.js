/*
 * CloudFront Function (runtime cloudfront-js-2.0, event viewer-response): which Cache-Control the visitor gets.
 *
 * What the cache reads is not the visitor's: `s-maxage` and the like would let proxies on the way keep a page that
 * was made for one visitor. The release's functions send the visitor's own in x-anchor-cache-control ("none" for
 * none). Files, and releases of older versions of this platform, send only one header: the shared part is removed.
 *
 * CloudFront invokes no function for a status of 400 or more: the release's functions send only one header there.
 */
const SHARED_ONLY = /^(s-maxage|proxy-revalidate)(=|$)/;
const REVALIDATED = 'public, max-age=0, must-revalidate';

function handler(event) {
  const response = event.response;
  const headers = response.headers;
  const own = headers['x-anchor-cache-control'];
  const sent = headers['cache-control'];
  if (own && own.value === 'none') {
    delete headers['cache-control'];
  } else if (own) {
    headers['cache-control'] = { value: own.value };
  } else if (sent) {
    headers['cache-control'] = { value: forVisitor(sent) };
  }
  delete headers['x-anchor-cache-control'];
  delete headers['cdn-cache-control'];
  delete headers['surrogate-control'];
  return response;
}

function forVisitor(sent) {
  const all = (sent.multiValue || [sent]).map((each) => each.value).join(',');
  const directives = all.split(',').map((each) => each.trim());
  const kept = directives.filter((each) => each && !SHARED_ONLY.test(each.toLowerCase()));
  const hasTime = kept.some((each) => /^(max-age|no-store|no-cache|private)\b/i.test(each));
  return kept.length < directives.length && !hasTime ? REVALIDATED : kept.join(', ');
}
