import DownloadIcon from "@mui/icons-material/GetApp";
import { Menu, MenuItem } from "@mui/material";
import { useState, type MouseEvent } from "react";
import { Button, useListContext, useNotify, useResourceContext } from "react-admin";

import { filterQuery, sortOf } from "../api/paging";
import { credentials } from "../api/session";
import { shop } from "../api/shop";
import { baseUrl } from "../settings";

const FORMATS = { csv: "CSV", ndjson: "NDJSON" };

/** Downloads of the whole list with its filters, as the service streams it. */
export function ExportMenu() {
  const [anchor, setAnchor] = useState<HTMLElement>();
  const resource = useResourceContext()!;
  const { filterValues, sort } = useListContext();
  const notify = useNotify();
  const close = () => setAnchor(undefined);
  const link = (format: string) => {
    const query = { ...filterQuery(filterValues), sort: sortOf({ sort }), format };
    const parameters = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
    return `${baseUrl}/${resource}/export?${new URLSearchParams(parameters)}`;
  };
  const download = async (event: MouseEvent, format: string) => {
    close();
    if (!credentials()) return; // the browser follows the link
    event.preventDefault(); // a link cannot send credentials
    try {
      await save(link(format), `${resource}.${format}`);
    } catch (error) {
      notify((error as Error).message, { type: "error" });
    }
  };
  return (
    <>
      <Button label="Export" onClick={(event) => setAnchor(event.currentTarget)} aria-haspopup="menu">
        <DownloadIcon />
      </Button>
      <Menu open={!!anchor} anchorEl={anchor} onClose={close}>
        {Object.entries(FORMATS).map(([format, name]) => (
          <MenuItem
            key={format}
            component="a"
            href={link(format)}
            download={`${resource}.${format}`}
            onClick={(event: MouseEvent) => download(event, format)}
          >
            {name}
          </MenuItem>
        ))}
      </Menu>
    </>
  );
}

async function save(url: string, name: string): Promise<void> {
  const path = url.slice(baseUrl.length) as "/products/export";
  const { data, error, response } = await shop.GET(path, { parseAs: "blob" });
  if (!response.ok) throw new Error((error as { detail?: string }).detail ?? response.statusText);
  const address = URL.createObjectURL(data as unknown as Blob);
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
