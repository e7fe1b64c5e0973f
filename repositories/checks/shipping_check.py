"""The part of the consistency check that compares shipments with orders, details and events."""

from models.enums import ON_THE_WAY, SHIPPED, OrderStatus, ShipmentStatus


def _list(*values: str) -> str:
    return ", ".join(f"'{value}'" for value in values)


SHIPMENTS = f"""
    SELECT 'shipments', format('order detail %s: %s units shipped, but %s ordered',
                               details.id_key, sum(lines.quantity), details.quantity)
    FROM shipment_lines AS lines JOIN shipments ON shipments.id_key = shipment_id
        JOIN order_details AS details ON details.id_key = order_detail_id
    WHERE shipments.status IN ({_list(*SHIPPED)})
    GROUP BY details.id_key HAVING sum(lines.quantity) > details.quantity
    UNION ALL
    SELECT 'shipments', format('shipment %s: order detail %s is in order %s, not in %s',
                               shipment_id, order_detail_id, details.order_id, shipments.order_id)
    FROM shipment_lines JOIN shipments ON shipments.id_key = shipment_id
        JOIN order_details AS details ON details.id_key = order_detail_id
    WHERE details.order_id <> shipments.order_id
    UNION ALL
    SELECT 'shipments', format('order %s: status %s, but shipment %s is %s',
                               order_id, orders.status, shipments.id_key, shipments.status)
    FROM shipments JOIN orders ON orders.id_key = order_id
    WHERE shipments.status IN ({_list(*ON_THE_WAY)}) AND orders.status <> {OrderStatus.IN_PROGRESS:d}
        OR shipments.status = '{ShipmentStatus.DELIVERED}'
            AND orders.status NOT IN ({OrderStatus.IN_PROGRESS:d}, {OrderStatus.DELIVERED:d})
    UNION ALL
    SELECT 'shipments', format('shipment %s: %s, but its last event is %s',
                               id_key, status, coalesce(last_event, 'none'))
    FROM shipments, LATERAL (SELECT (
        SELECT events.status FROM shipment_events AS events WHERE shipment_id = shipments.id_key
        ORDER BY events.id_key DESC LIMIT 1
    )) AS reported (last_event)
    WHERE status <> coalesce(last_event, '{ShipmentStatus.CREATED}')
"""
