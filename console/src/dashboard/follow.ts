/** A copy of the newest objects of a list that follows its changes, in one small request each time. */

import { nextPage } from "ecommerce-client";

import type { Keyed } from "../api/references";
import { call, type Query } from "../api/shop";

const PAGE = 1000;
const MAX_PAGES = 5;
const END_OF_TIME = "9999-12-31T00:00:00Z";

export class Follower<T extends Keyed> {
  private readonly objects = new Map<number, T>();
  private since?: string;
  isComplete = true;

  constructor(
    private readonly path: string,
    private readonly filters: Query,
  ) {}

  async read(): Promise<T[]> {
    if (this.since) await this.follow(this.since);
    else await this.start();
    return [...this.objects.values()];
  }

  /** Read the newest objects. The marker comes first, so that no change falls between. */
  private async start(): Promise<void> {
    const { response } = await call<T[]>("GET", this.path, { query: { updated_since: END_OF_TIME, limit: 1 } });
    const marker = response.headers.get("X-Safe-Since") ?? undefined;
    this.isComplete = await this.pages({ ...this.filters, sort: "-id_key", limit: PAGE }, MAX_PAGES);
    this.since = marker;
  }

  private async follow(since: string): Promise<void> {
    const query = { ...this.filters, updated_since: since, limit: PAGE, after_id: 0 };
    await this.pages(query, Infinity, (response) => {
      this.since = response.headers.get("X-Safe-Since") ?? since;
    });
  }

  /** Return true if the last page has been reached. */
  private async pages(query: Query, most: number, seen?: (response: Response) => void): Promise<boolean> {
    for (let page: Query = query, read = 0; read < most; read++) {
      const { data, response } = await call<T[]>("GET", this.path, { query: page });
      for (const one of data) this.objects.set(one.id_key, one);
      seen?.(response);
      if (data.length < PAGE) return true;
      page = { ...query, ...(nextPage(response.headers.get("Link")) ?? { after_id: data.at(-1)!.id_key }) };
    }
    return false;
  }
}
