import type { MetadataRoute } from "next";

export const generateSitemaps = () => [{ id: 0 }, { id: 1 }];

export default async function sitemap({ id }: { id: Promise<string> }): Promise<MetadataRoute.Sitemap> {
  return [{ url: `https://shop.example.com/products/${await id}` }];
}
