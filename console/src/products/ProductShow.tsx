import ArchiveIcon from "@mui/icons-material/Archive";
import UnarchiveIcon from "@mui/icons-material/Unarchive";
import { Chip, Typography } from "@mui/material";
import { useQuery } from "@tanstack/react-query";
import {
  DataTable,
  EditButton,
  FunctionField,
  NumberField,
  Pagination,
  ReferenceManyField,
  Show,
  SimpleShowLayout,
  TextField,
  TopToolbar,
  usePermissions,
  useRecordContext,
} from "react-admin";
import { unwrap } from "ecommerce-client";

import { shop } from "../api/shop";
import { ActionButton } from "../components/ActionButton";
import { CategoryField } from "../components/fields";
import { Section } from "../components/Section";
import { MONEY, number } from "../formats";
import { movementColumns } from "../resources/stockMovements";
import { StockForm } from "./StockForm";

export function ProductShow() {
  const { permissions } = usePermissions();
  const isAdmin = permissions !== "client";
  return (
    <Show actions={isAdmin ? <Actions /> : false}>
      <SimpleShowLayout>
        <FunctionField label="Name" render={(product) => <Name name={product.name} archived={product.archived} />} />
        <TextField source="sku" label="SKU" emptyText="–" />
        <FunctionField label="Category" render={() => <CategoryField />} />
        <NumberField source="price" options={MONEY} />
        <NumberField source="stock" />
        <FunctionField label="Rating" render={(product) => <Rating id={Number(product.id)} />} />
      </SimpleShowLayout>
      {isAdmin && (
        <Section title="Stock movements">
          <StockForm />
          <ReferenceManyField
            reference="stock_movements"
            target="product_id"
            sort={{ field: "id", order: "DESC" }}
            perPage={10}
            pagination={<Pagination rowsPerPageOptions={[10, 50]} />}
          >
            <DataTable bulkActionButtons={false} rowClick={false}>
              {movementColumns}
            </DataTable>
          </ReferenceManyField>
        </Section>
      )}
    </Show>
  );
}

const Name = ({ name, archived }: { name: string; archived?: boolean }) => (
  <Typography component="span">
    {name} {archived && <Chip size="small" label="Archived" />}
  </Typography>
);

function Rating({ id }: { id: number }) {
  const { data } = useQuery({
    queryKey: ["products", "rating", id],
    queryFn: async () => (await unwrap(shop.GET("/products/{id_key}/rating", { params: { path: { id_key: id } } }))).data,
  });
  if (!data?.review_count) return <Typography>No reviews</Typography>;
  return (
    <Typography>
      {number(data.average_rating!)} of 5 ({data.review_count} reviews)
    </Typography>
  );
}

function Actions() {
  const product = useRecordContext();
  if (!product) return <TopToolbar />;
  const params = { path: { id_key: Number(product.id) } };
  return (
    <TopToolbar>
      <EditButton />
      {product.archived ? (
        <ActionButton
          label="Unarchive"
          icon={<UnarchiveIcon />}
          run={() => unwrap(shop.POST("/products/{id_key}/unarchive", { params }))}
          done="The product is back in the shop"
        />
      ) : (
        <ActionButton
          label="Archive"
          icon={<ArchiveIcon />}
          confirm="An archived product is in no list and cannot be bought."
          run={() => unwrap(shop.POST("/products/{id_key}/archive", { params }))}
          done="The product is archived"
        />
      )}
    </TopToolbar>
  );
}
