import type { MetadataRoute } from "next";

export default function sitemap(): MetadataRoute.Sitemap {
  return [{ url: "https://shop.example.com", lastModified: "2026-01-01", alternates: { languages: { de: "https://shop.example.com/de" } } }];
}
