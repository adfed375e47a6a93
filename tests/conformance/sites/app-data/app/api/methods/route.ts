export const GET = () => new Response("get");
export const HEAD = () => new Response(null, { headers: { "x-head": "own" } });
export const OPTIONS = () => new Response(null, { status: 204, headers: { allow: "GET, HEAD, OPTIONS", "access-control-allow-origin": "*" } });
export const DELETE = () => new Response(null, { status: 204 });
