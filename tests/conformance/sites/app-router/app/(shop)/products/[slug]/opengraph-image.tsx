import { ImageResponse } from "next/og";

export const alt = "A product";
export const size = { width: 1200, height: 630 };
export const contentType = "image/png";

export default async function Image({ params }: { params: Promise<{ slug: string }> }) {
  return new ImageResponse(<div style={{ display: "flex", fontSize: 64 }}>{(await params).slug}</div>, size);
}
