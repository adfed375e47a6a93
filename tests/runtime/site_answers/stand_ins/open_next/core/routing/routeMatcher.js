export const staticRouteMatcher = (path) => (path === "/docs/about" ? [{ route: "/about", type: "page" }] : []);
export const dynamicRouteMatcher = (path) => (path.startsWith("/docs/posts/") ? [{ route: "/posts/[slug]", type: "page" }] : []);
