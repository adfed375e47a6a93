async function answer(request) {
  return Response.json({ method: request.method, body: await request.text() }, { headers: { "x-method": request.method } });
}

export { answer as DELETE, answer as GET, answer as PATCH, answer as POST, answer as PUT };
