import { stamp } from "../../../lib/stamp";

export const revalidate = 2;

export const GET = () => new Response(stamp("timed"));
