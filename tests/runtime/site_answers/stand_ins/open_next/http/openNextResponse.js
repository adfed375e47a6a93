import { PassThrough } from "node:stream";

/** A response that records its head. */
export class OpenNextNodeResponse extends PassThrough {
  headers = {};
  statusCode = 200;

  constructor() {
    super();
    globalThis.streamed = this;
    this.resume();
  }

  setHeader(name, value) {
    this.headers[name] = value;
  }

  appendHeader(name, value) {
    this.headers[name] = name in this.headers ? [this.headers[name], value].flat() : value;
  }

  removeHeader(name) {
    delete this.headers[name];
  }

  getHeaders() {
    return this.headers;
  }

  hasHeader(name) {
    return name in this.headers;
  }

  /** OpenNext forbids caches to keep an error. */
  fixHeadersForError() {
    this.headers["cache-control"] = "no-store";
  }

  /** The last step of OpenNext before it sends the head. */
  get fixedHeaders() {
    this.fixHeadersForError();
    return this.headers;
  }
}
