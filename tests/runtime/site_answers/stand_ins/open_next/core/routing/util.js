export const convertRes = ({ statusCode, fixedHeaders }) => ({ statusCode, headers: fixedHeaders, isBase64Encoded: false });
