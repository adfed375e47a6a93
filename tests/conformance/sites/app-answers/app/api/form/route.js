export async function POST(request) {
  const form = await request.formData();
  return Response.json(
    [...form].map(([name, value]) => [name, typeof value === "string" ? value : { name: value.name, type: value.type, size: value.size }]),
  );
}
