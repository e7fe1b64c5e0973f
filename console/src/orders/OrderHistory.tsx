import { Box, Typography } from "@mui/material";
import { useQuery } from "@tanstack/react-query";
import { unwrap } from "ecommerce-client";
import { useRecordContext } from "react-admin";

import { shop } from "../api/shop";
import { StatusChip } from "../components/fields";
import { Row } from "../components/Row";
import { Section } from "../components/Section";
import { time } from "../formats";

export function OrderHistory() {
  const order = useRecordContext();
  const params = { path: { id_key: Number(order?.id) } };
  const { data: changes = [] } = useQuery({
    queryKey: ["orders", "history", order?.id],
    queryFn: async () => (await unwrap(shop.GET("/orders/{id_key}/history", { params }))).data,
    enabled: !!order,
  });
  return (
    <Section title="History">
      <Box component="ol" sx={{ listStyle: "none", p: 0, m: 0 }}>
        {changes.map(({ to_status, changed_at }) => (
          <Row component="li" key={changed_at} sx={{ mb: 1 }}>
            <StatusChip status={to_status} />
            <Typography variant="body2">{time(changed_at)}</Typography>
          </Row>
        ))}
      </Box>
    </Section>
  );
}
