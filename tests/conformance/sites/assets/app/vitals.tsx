"use client";

import { useReportWebVitals } from "next/web-vitals";

export function Vitals() {
  useReportWebVitals((metric) => navigator.sendBeacon("/api/vitals", JSON.stringify(metric)));
  return null;
}
