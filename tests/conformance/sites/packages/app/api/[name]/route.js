// Each function uses a package that Next.js does not bundle, and returns a value that is the same in every run.
const USES = {
  async argon2() {
    const { hash, verify } = await import("argon2");
    return verify(await hash("a"), "a");
  },
  async argon2OfRust() {
    const { hash, verify } = await import("@node-rs/argon2");
    return verify(await hash("a"), "a");
  },
  async bcrypt() {
    const { default: bcrypt } = await import("bcrypt");
    return bcrypt.compare("a", await bcrypt.hash("a", 4));
  },
  async canvas() {
    const { createCanvas } = await import("@napi-rs/canvas");
    return createCanvas(20, 10).toBuffer("image/png").subarray(1, 4).toString();
  },
  async jsdom() {
    const { JSDOM } = await import("jsdom");
    return new JSDOM("<p>text</p>").window.document.querySelector("p").textContent;
  },
  async mongoose() {
    const { default: mongoose } = await import("mongoose");
    const Cat = mongoose.models.Cat ?? mongoose.model("Cat", new mongoose.Schema({ name: { type: String, required: true } }));
    return Object.keys(new Cat({}).validateSync().errors);
  },
  async pg() {
    const { default: pg } = await import("pg");
    return pg.escapeLiteral("it's");
  },
  async pino() {
    const { default: pino } = await import("pino");
    const { mkdtempSync, readFileSync } = await import("node:fs");
    const file = `${mkdtempSync("/tmp/pino-")}/log`;
    const transport = pino.transport({ target: "pino-pretty", options: { destination: file, colorize: false, ignore: "time,pid,hostname" } });
    const log = pino(transport);
    log.info("a line");
    await new Promise((resolve) => log.flush(resolve));
    transport.end();
    await new Promise((resolve) => transport.once("close", resolve));
    return readFileSync(file, "utf8");
  },
  async resvg() {
    const { Resvg } = await import("@resvg/resvg-js");
    return new Resvg('<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"/>').render().width;
  },
};

export async function GET(_request, { params }) {
  const { name } = await params;
  return Response.json({ name, value: await USES[name]() });
}
