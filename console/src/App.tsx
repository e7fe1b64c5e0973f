import KeyIcon from "@mui/icons-material/VpnKey";
import PeopleIcon from "@mui/icons-material/People";
import HomeIcon from "@mui/icons-material/Home";
import CategoryIcon from "@mui/icons-material/Category";
import InventoryIcon from "@mui/icons-material/Inventory2";
import SwapIcon from "@mui/icons-material/SwapVert";
import CartIcon from "@mui/icons-material/ShoppingCart";
import ListIcon from "@mui/icons-material/List";
import ReceiptIcon from "@mui/icons-material/Receipt";
import PaymentIcon from "@mui/icons-material/Payment";
import ShipIcon from "@mui/icons-material/LocalShipping";
import ReturnIcon from "@mui/icons-material/AssignmentReturn";
import StarIcon from "@mui/icons-material/Star";
import HistoryIcon from "@mui/icons-material/History";
import { QueryClient } from "@tanstack/react-query";
import { Admin, Resource } from "react-admin";

import { authProvider } from "./api/authProvider";
import { dataProvider } from "./api/dataProvider";
import type { Role } from "./api/session";
import { fullName } from "./components/fields";
import { Dashboard } from "./dashboard/Dashboard";
import { ShopLayout } from "./layout/ShopLayout";
import { SignIn } from "./layout/SignIn";
import { darkTheme, lightTheme } from "./layout/theme";
import { OrderCreate } from "./orders/OrderCreate";
import { OrderList } from "./orders/orders";
import { OrderShow } from "./orders/OrderShow";
import { ProductCreate, ProductEdit, ProductList } from "./products/products";
import { ProductShow } from "./products/ProductShow";
import { AddressCreate, AddressEdit, AddressList } from "./resources/addresses";
import { ApiKeyCreate, ApiKeyList } from "./resources/apiKeys";
import { AuditList } from "./resources/audit";
import { BillEdit, BillList } from "./resources/bills";
import { CategoryCreate, CategoryEdit, CategoryList } from "./resources/categories";
import { ClientCreate, ClientEdit, ClientList } from "./resources/clients";
import { OrderDetailCreate, OrderDetailEdit, OrderDetailList } from "./resources/orderDetails";
import { PaymentList } from "./resources/payments";
import { ReturnList } from "./resources/returns";
import { ReviewCreate, ReviewEdit, ReviewList } from "./resources/reviews";
import { ShipmentList } from "./resources/shipments";
import { StockMovementList } from "./resources/stockMovements";
import { authMode } from "./settings";

/** The client of the API repeats requests itself. */
const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } });

export const App = () => (
  <Admin
    dataProvider={dataProvider}
    queryClient={queryClient}
    authProvider={authMode === "none" ? undefined : authProvider}
    requireAuth={authMode !== "none"}
    loginPage={SignIn}
    dashboard={Dashboard}
    layout={ShopLayout}
    theme={lightTheme}
    darkTheme={darkTheme}
    title="Shop console"
    disableTelemetry
  >
    {(permissions: Role | undefined) => resources(permissions !== "client")}
  </Admin>
);

/** What a client may not do is missing for it: the service refuses it anyway. */
function resources(isAdmin: boolean) {
  const admins = <T,>(view: T) => (isAdmin ? view : undefined);
  return [
    <Resource
      key="orders"
      name="orders"
      icon={CartIcon}
      list={OrderList}
      show={OrderShow}
      create={OrderCreate}
      recordRepresentation={(order) => `#${order.id}`}
    />,
    <Resource
      key="products"
      name="products"
      icon={InventoryIcon}
      list={ProductList}
      show={ProductShow}
      edit={admins(ProductEdit)}
      create={admins(ProductCreate)}
      recordRepresentation="name"
    />,
    <Resource
      key="clients"
      name="clients"
      icon={PeopleIcon}
      list={ClientList}
      edit={ClientEdit}
      create={admins(ClientCreate)}
      recordRepresentation={(client) => fullName(client)}
    />,
    <Resource
      key="categories"
      name="categories"
      icon={CategoryIcon}
      list={CategoryList}
      edit={admins(CategoryEdit)}
      create={admins(CategoryCreate)}
      recordRepresentation="name"
    />,
    <Resource key="payments" name="payments" icon={PaymentIcon} list={PaymentList} />,
    <Resource key="shipments" name="shipments" icon={ShipIcon} list={admins(ShipmentList)} />,
    <Resource key="returns" name="returns" icon={ReturnIcon} list={ReturnList} />,
    <Resource
      key="bills"
      name="bills"
      icon={ReceiptIcon}
      list={BillList}
      edit={admins(BillEdit)}
      recordRepresentation="bill_number"
    />,
    <Resource
      key="addresses"
      name="addresses"
      icon={HomeIcon}
      list={AddressList}
      edit={AddressEdit}
      create={AddressCreate}
    />,
    <Resource
      key="reviews"
      name="reviews"
      icon={StarIcon}
      list={ReviewList}
      edit={admins(ReviewEdit)}
      create={ReviewCreate}
    />,
    <Resource
      key="order_details"
      name="order_details"
      icon={ListIcon}
      list={OrderDetailList}
      edit={admins(OrderDetailEdit)}
      create={admins(OrderDetailCreate)}
      options={{ label: "Order lines" }}
      hasCreate={false}
    />,
    ...(isAdmin
      ? [
          <Resource key="stock_movements" name="stock_movements" icon={SwapIcon} list={StockMovementList} />,
          <Resource key="audit" name="audit" icon={HistoryIcon} list={AuditList} options={{ label: "Audit log" }} />,
        ]
      : []),
    ...(isAdmin && authMode !== "none" ? [apiKeys] : []),
  ];
}

const apiKeys = (
  <Resource
    key="api_keys"
    name="api_keys"
    icon={KeyIcon}
    list={ApiKeyList}
    create={ApiKeyCreate}
    options={{ label: "API keys" }}
  />
);
