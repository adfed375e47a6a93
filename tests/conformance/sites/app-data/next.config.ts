import type { NextConfig } from "next";

const config: NextConfig = { experimental: { serverActions: { bodySizeLimit: "4mb" } } };

export default config;
