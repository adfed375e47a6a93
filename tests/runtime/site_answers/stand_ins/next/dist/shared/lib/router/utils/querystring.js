exports.urlQueryToSearchParams = (query) => new URLSearchParams(query);
