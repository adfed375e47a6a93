const META = Symbol.for("NextInternalRequestMeta");
exports.getRequestMeta = (req, key) => (key ? req[META]?.[key] : (req[META] ?? {}));
exports.addRequestMeta = (req, key, value) => (req[META] = { ...req[META], [key]: value });
