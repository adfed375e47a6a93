const RED = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const BLUE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg==";

export default function handler(req, res) {
  const image = Buffer.from(req.query.color === "red" ? RED : BLUE, "base64");
  res.setHeader("content-type", "image/png").setHeader("cache-control", "public, max-age=600").send(image);
}
