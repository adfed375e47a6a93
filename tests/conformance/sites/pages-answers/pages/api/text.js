const ANSWERS = {
  text: (res) => res.status(200).send("plain text"),
  object: (res) => res.send({ an: "object" }),
  buffer: (res) => res.send(Buffer.from([0, 1, 2, 255])),
  number: (res) => res.send(12),
  null: (res) => res.send(null),
  json: (res) => res.json({ "ключ": "значение" }),
  redirect: (res) => res.redirect("/about"),
  moved: (res) => res.redirect(301, "https://example.com/a%20b"),
  empty: (res) => res.status(204).end(),
  created: (res) => res.status(201).json(null),
  html: (res) => res.setHeader("content-type", "text/html").send("<p>html</p>"),
  cookies: (res) => res.setHeader("set-cookie", ["a=1", "b=2; HttpOnly"]).end("cookies"),
  throws: () => {
    throw new Error("this route is broken");
  },
  written: (res) => {
    res.writeHead(202, { "content-type": "text/plain; charset=utf-8", "x-written": ["1", "2"] });
    res.write("first ");
    res.end("second");
  },
  etag: (res) => res.setHeader("etag", '"fixed"').send("with an etag"),
  appended: (res) => res.appendHeader("x-list", "1").appendHeader("x-list", "2").end("appended"),
  late: (res) => void setTimeout(() => res.send("late"), 50),
};

export default function handler(req, res) {
  const answer = ANSWERS[req.query.kind ?? "text"];
  if (!answer) return res.status(404).json({ error: "unknown" });
  return answer(res);
}
