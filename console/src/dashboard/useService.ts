/** Health and speed of the service, read every few seconds. The service does not count these requests in its limit. */

import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "ecommerce-client";
import { useRef } from "react";

import { shop } from "../api/shop";
import { parse, quantile, totals, type Totals } from "./prometheus";

export const INTERVAL_SECONDS = 5;
export const SHOWN_READINGS = 36;

type Health = Schemas["HealthSchema"];

export function useHealth() {
  return useQuery({
    queryKey: ["health_check"],
    queryFn: async () => {
      const { data, error } = await shop.GET("/health_check"); // 500 if the database is down, with the same body
      return (data ?? error) as Health;
    },
    refetchInterval: INTERVAL_SECONDS * 1000,
  });
}

export interface Speed {
  perSecond: number;
  medianMs?: number;
  p95Ms?: number;
  hitPercent?: number;
  errors: number;
}

interface Reading {
  at: number;
  totals: Totals;
}

/** Return the speed between each two readings, oldest first. */
export function useSpeed(): Speed[] {
  const last = useRef<Reading>(undefined);
  const shown = useRef<Speed[]>([]);
  const { data = [] } = useQuery({
    queryKey: ["metrics"],
    queryFn: async () => {
      const { data: text = "" } = await shop.GET("/metrics", { parseAs: "text" });
      const reading = { at: performance.now(), totals: totals(parse(text as string)) };
      if (last.current) shown.current = [...shown.current, between(last.current, reading)].slice(-SHOWN_READINGS);
      last.current = reading;
      return shown.current;
    },
    refetchInterval: INTERVAL_SECONDS * 1000,
    gcTime: 0,
  });
  return data;
}

function between(before: Reading, after: Reading): Speed {
  const seconds = (after.at - before.at) / 1000;
  const difference = (name: "requests" | "errors" | "hits" | "misses") =>
    Math.max(0, after.totals[name] - before.totals[name]); // a restart begins at 0
  const looked = difference("hits") + difference("misses");
  return {
    perSecond: difference("requests") / seconds,
    medianMs: inMs(quantile(before.totals, after.totals, 0.5)),
    p95Ms: inMs(quantile(before.totals, after.totals, 0.95)),
    hitPercent: looked ? (100 * difference("hits")) / looked : undefined,
    errors: difference("errors"),
  };
}

const inMs = (seconds?: number) => (seconds === undefined ? undefined : seconds * 1000);
