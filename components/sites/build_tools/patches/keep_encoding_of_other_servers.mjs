export default {
  file: "@opennextjs/aws/dist/overrides/wrappers/aws-lambda-streaming.js",
  reason:
    "A rewrite to another server passes on the body as it came. If that body is compressed, OpenNext compresses it again." +
    " This patch can go when the wrapper keeps a Content-Encoding that the answer already has.",
  edits: [
    {
      before: '            _prelude.headers["content-encoding"] = contentEncoding;\n',
      after:
        '            if (_prelude.headers["content-encoding"]) {\n' +
        "                if (compressedStream !== responseStream)\n" +
        "                    compressedStream.unpipe(responseStream).destroy();\n" +
        "                compressedStream = responseStream;\n" +
        "            }\n" +
        "            else {\n" +
        '                _prelude.headers["content-encoding"] = contentEncoding;\n' +
        "            }\n",
    },
  ],
};
