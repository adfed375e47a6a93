/*
 * CloudFront Function (runtime cloudfront-js-2.0, event viewer-response): sets the visitor's Cache-Control.
 *
 * The visitor must not get directives for shared caches: with `s-maxage`, a proxy could store a page that was made
 * for one visitor. The release's functions send the visitor's Cache-Control in x-anchor-cache-control. The value "none"
 * means that the visitor gets no Cache-Control. The header x-anchor-content-type means that the site sends no
 * Content-Type: the function URL has then added one. The header x-anchor-body means that the site sends no body: the
 * release's functions have sent one byte, because a function URL does not end an empty answer. Files, and releases of
 * older versions of this platform, send only Cache-Control. This function removes its directives for shared caches.
 *
 * CloudFront does not invoke this function if the status is 400 or more. For such an answer, the release's functions
 * send only Cache-Control.
 */
const SHARED_ONLY = /^(s-maxage|proxy-revalidate)\s*(=|$)/;
const TARGETED = /^(([a-z]+-)*cdn-cache-control|surrogate-control|edge-control)$/;
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
  if (headers['x-anchor-content-type']) {
    delete headers['content-type'];
  }
  if (headers['x-anchor-body']) {
    response.body = { encoding: 'text', data: '' };
    delete headers['content-length'];
    delete headers['content-encoding'];
  }
  Object.keys(headers).forEach((name) => {
    if (name === 'x-anchor-cache-control' || name === 'x-anchor-content-type' ||
        name === 'x-anchor-body' || TARGETED.test(name)) {
      delete headers[name];
    }
  });
  return response;
}

function forVisitor(sent) {
  const all = (sent.multiValue || [sent]).map((each) => each.value).join(',');
  const directives = all.split(',').map((each) => each.trim());
  const kept = directives.filter((each) => each && !SHARED_ONLY.test(each.toLowerCase()));
  const hasTime = kept.some((each) => /^(max-age|no-store|no-cache|private)\b/i.test(each));
  return kept.length < directives.length && !hasTime ? REVALIDATED : kept.join(', ');
}
