package main

import (
	"context"
	"errors"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

var (
	errNotFound = errors.New("not found")
	errTaken    = errors.New("Email already registered")
)

// Product is a row of the table products. A price has at most 12 digits, which a float64 keeps.
type Product struct {
	IDKey      int64   `json:"id_key"`
	Name       string  `json:"name"`
	Price      float64 `json:"price"`
	Stock      int32   `json:"stock"`
	CategoryID int64   `json:"category_id"`
}

// NewClient is the body of a creation.
type NewClient struct {
	Name      string  `json:"name" binding:"required"`
	Lastname  string  `json:"lastname" binding:"required"`
	Email     string  `json:"email" binding:"required,email"`
	Telephone *string `json:"telephone"`
}

// Client is a row of the table clients.
type Client struct {
	IDKey     int64   `json:"id_key"`
	Name      string  `json:"name"`
	Lastname  string  `json:"lastname"`
	Email     string  `json:"email"`
	Telephone *string `json:"telephone"`
}

// shop runs the statements. pgx prepares each one on its first use on a connection.
type shop struct {
	database *pgxpool.Pool
}

const (
	uniqueViolation = "23505"

	selectProducts = "SELECT id_key, name, price::float8, stock, category_id FROM products"
	selectClients  = "SELECT id_key, name, lastname, email, telephone FROM clients"
	insertClient   = `INSERT INTO clients (name, lastname, email, telephone) VALUES ($1, $2, $3, $4)
		RETURNING id_key, name, lastname, email, telephone`
)

func (p *Product) fields() []interface{} {
	return []interface{}{&p.IDKey, &p.Name, &p.Price, &p.Stock, &p.CategoryID}
}

func (c *Client) fields() []interface{} {
	return []interface{}{&c.IDKey, &c.Name, &c.Lastname, &c.Email, &c.Telephone}
}

func (s *shop) products(ctx context.Context, page paging) ([]Product, error) {
	return list(ctx, s, selectProducts, page, (*Product).fields)
}

func (s *shop) product(ctx context.Context, id int64) (*Product, error) {
	var product Product
	err := s.database.QueryRow(ctx, selectProducts+" WHERE id_key = $1", id).Scan(product.fields()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNotFound
	}
	return &product, err
}

func (s *shop) clients(ctx context.Context, page paging) ([]Client, error) {
	return list(ctx, s, selectClients, page, (*Client).fields)
}

// list returns one page of the rows that sql selects, in the order of their keys.
func list[T any](ctx context.Context, s *shop, sql string, page paging, fields func(*T) []interface{}) ([]T, error) {
	rows, err := s.database.Query(ctx, sql+" ORDER BY id_key OFFSET $1 LIMIT $2", page.Skip, page.Limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []T{}
	for rows.Next() {
		var item T
		if err := rows.Scan(fields(&item)...); err != nil {
			return nil, err
		}
		found = append(found, item)
	}
	return found, rows.Err()
}

func (s *shop) createClient(ctx context.Context, body *NewClient) (*Client, error) {
	var client Client
	row := s.database.QueryRow(ctx, insertClient, body.Name, body.Lastname, body.Email, body.Telephone)
	err := row.Scan(client.fields()...)
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && refusal.Code == uniqueViolation {
		return nil, errTaken
	}
	return &client, err
}
