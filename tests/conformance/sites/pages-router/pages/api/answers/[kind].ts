import type { NextApiRequest, NextApiResponse } from "next";

type Answer = (request: NextApiRequest, response: NextApiResponse) => unknown;

const ANSWERS: Record<string, Answer> = {
  json: (_, response) => response.json({ ok: true, text: "größe" }),
  text: (_, response) => response.send("text"),
  object: (_, response) => response.send({ object: true }),
  buffer: (_, response) => response.send(Buffer.from([0, 255, 1, 254])),
  end: (_, response) => response.end("ended"),
  empty: (_, response) => response.status(204).end(),
  created: (_, response) => response.status(201).json({ id: 1 }),
  write: (_, response) => {
    response.write("one ");
    response.write("two");
    response.end();
  },
  head: (_, response) => response.writeHead(202, { "x-head": "1", "content-type": "text/x-own" }).end("written"),
  redirect: (_, response) => response.redirect("/posts/first"),
  permanent: (_, response) => response.redirect(308, "/posts/größe?a=b"),
  cookies: (_, response) => response.setHeader("Set-Cookie", ["a=1", "b=2; HttpOnly"]).json({ ok: true }),
  cached: (_, response) => response.setHeader("Cache-Control", "public, max-age=60").send("cached"),
  throws: () => {
    throw new Error("the API route throws");
  },
  echo: (request, response) =>
    response.json({ method: request.method, url: request.url, query: request.query, body: request.body ?? null, cookies: request.cookies, type: request.headers["content-type"] ?? null }),
  preview: (_, response) => response.setPreviewData({}).redirect("/posts/first"),
  draft: (_, response) => response.setDraftMode({ enable: true }).redirect("/posts/first"),
  undraft: (_, response) => response.setDraftMode({ enable: false }).redirect("/posts/first"),
  revalidate: async (request, response) => {
    await response.revalidate(String(request.query.path));
    return response.json({ revalidated: request.query.path });
  },
};

export default async function handler(request: NextApiRequest, response: NextApiResponse) {
  const answer = ANSWERS[String(request.query.kind)];
  if (!answer) return response.status(404).send("unknown");
  await answer(request, response);
}
