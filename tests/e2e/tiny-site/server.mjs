// The server function of the tiny site. Every page names its release three times. The text and the script's name
// contain the commit, which the build inserts into this file. The meta element contains a variable of this function
// version.
const built = "@COMMIT@";

export const handler = async (event) => {
  const release = process.env.ANCHOR_COMMIT_SHA;
  if (event.rawPath === "/api/release") return json({ release });
  if (event.rawPath === "/api/env") return json({ greeting: process.env.GREETING ?? null });
  return {
    statusCode: 200,
    headers: { "content-type": "text/html; charset=utf-8", "cache-control": "private, no-store" },
    body:
      `<!doctype html><meta name="x-release" content="${release}">` +
      `<script src="/_next/static/chunks/${built}.js"></script><p data-testid="commit">${built}</p>\n`,
  };
};

function json(body) {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { statusCode: 200, headers, body: JSON.stringify(body) };
}
