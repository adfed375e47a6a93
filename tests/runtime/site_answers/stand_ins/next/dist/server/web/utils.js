exports.splitCookiesString = (text) => text.split(/,\s*/);
