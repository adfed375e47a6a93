export const POST = async (request: Request) => Response.json({ length: (await request.text()).length });
