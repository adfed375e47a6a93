/**
 * Keeps the cookies of a site on the site's own host.
 *
 * Without the attribute `Domain`, a browser sends a cookie only to the host that set it. With `Domain=example.com`, it
 * also sends the cookie to all other hosts below `example.com`: to other sites, and to the operator's applications.
 */

/**
 * Return the cookies without the `Domain` attributes that reach beyond the site's host. A cookie without the
 * attribute belongs to the host alone.
 *
 * @param {unknown[]} cookies Values of Set-Cookie headers.
 * @param {string | undefined} host Host that the visitor requested, with or without a port. Without it, every `Domain`
 *     attribute is removed.
 */
export function keepCookiesOnHost(cookies, host) {
  const own = String(host ?? "").replace(/:\d*$/, "").toLowerCase();
  return cookies.map((cookie) => {
    const [pair, ...attributes] = String(cookie).split(";");
    return [pair, ...attributes.filter((attribute) => !reachesBeyond(attribute, own))].join(";");
  });
}

/** Browsers ignore case, white space around names and values, and one dot at the beginning (RFC 6265, section 5.2.3). */
function reachesBeyond(attribute, host) {
  const [name, ...value] = attribute.split("=");
  if (name.trim().toLowerCase() !== "domain") return false;
  const domain = value.join("=").trim().toLowerCase().replace(/^\./, "");
  return !host || !`.${domain}`.endsWith(`.${host}`);
}
