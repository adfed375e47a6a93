// Middleware that responds differently to each visitor. For one variant of the site, the tests rename this file to
// `proxy.ts`. Pages below /in use the App Router. All other pages use the Pages Router.
import { NextResponse, type NextRequest } from "next/server";

export const config = {
  matcher: [
    "/protected",
    "/experiment",
    "/device",
    "/greeting",
    "/shop",
    "/stamped",
    "/note",
    "/basic",
    { source: "/session", missing: [{ type: "cookie", key: "session" }] },
    "/in/:page*",
    { source: "/_next/image", locale: false },
  ],
};

export default function middleware(request: NextRequest) {
  const url = request.nextUrl.clone();
  const isApp = url.pathname.startsWith("/in/");
  const page = url.pathname.replace(/^\/in\//, "/").replace(/\/$/, "");
  const to = (path: string, init?: ResponseInit) => {
    url.pathname = isApp ? `/in${path}` : path;
    return NextResponse.rewrite(url, init);
  };
  const cookie = (name: string) => request.cookies.get(name)?.value;
  const header = (name: string) => request.headers.get(name) ?? "";
  switch (page) {
    case "/protected":
    case "/session": {
      if (cookie("user") === "ok") return NextResponse.next();
      url.pathname = "/open";
      return NextResponse.redirect(url);
    }
    case "/experiment":
      return to(cookie("bucket") === "b" ? "/experiment-b" : "/experiment-a");
    case "/device":
      return to(header("user-agent").includes("Mobile") ? "/device-mobile" : "/device-desktop");
    case "/greeting":
      return to(header("accept-language").startsWith("de") ? "/greeting-de" : "/greeting-en");
    case "/shop":
      return cookie("staff") ? NextResponse.next() : to("/maintenance");
    case "/stamped": {
      const response = NextResponse.next();
      response.headers.set("x-country", header("x-country"));
      response.cookies.set("seen", header("x-country") || "nowhere");
      return response;
    }
    case "/note":
      return new NextResponse(`a note for ${header("x-country")}`, { headers: { "cache-control": "public, s-maxage=600" } });
    case "/basic":
      return header("authorization") ? NextResponse.next() : new NextResponse("who are you?", { status: 401 });
    case "/_next/image": {
      if (request.nextUrl.searchParams.has("moved")) return NextResponse.redirect(new URL("/elsewhere", request.url));
      if (cookie("user") !== "ok") return new NextResponse("members only", { status: 401, headers: { "x-seen": "stranger" } });
      const width = request.nextUrl.searchParams.get("wide");
      if (width) url.searchParams.set("w", width);
      const response = width ? NextResponse.rewrite(url) : NextResponse.next();
      response.headers.set("x-seen", "member");
      response.cookies.set("seen", "image");
      return response;
    }
    default:
      return NextResponse.next();
  }
}
