// Gin with pgx and redigo: one process on GOMAXPROCS cores, prepared statements, JSON through structs.
// CACHED=1 reads the list of products through Redis; RATE_LIMIT=n counts the requests of an address there.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/gomodule/redigo/redis"
	"github.com/jackc/pgx/v4/pgxpool"
)

const databaseConnections = 20

func main() {
	config, err := pgxpool.ParseConfig(os.Getenv("BENCH_DATABASE"))
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns = databaseConnections
	database, err := pgxpool.ConnectConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	defer database.Close()
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: routes(&shop{database})}
	log.Fatal(server.ListenAndServe())
}

func routes(shop *shop) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery())
	isCached, limit := os.Getenv("CACHED") != "", os.Getenv("RATE_LIMIT")
	var pool *redis.Pool
	if isCached || limit != "" {
		pool = redisPool(os.Getenv("BENCH_REDIS"))
	}
	if limit != "" {
		calls, err := strconv.Atoi(limit)
		if err != nil {
			log.Fatal(err)
		}
		router.Use(rateLimit(pool, calls))
	}
	if isCached {
		router.GET("/products", cachedProducts(shop, pool))
	} else {
		router.GET("/products", listOf(shop.products))
	}
	router.GET("/products/:id_key", one(shop.product))
	router.GET("/clients", listOf(shop.clients))
	router.POST("/clients", create(shop))
	return router
}

type paging struct {
	Skip  int `form:"skip,default=0" binding:"min=0"`
	Limit int `form:"limit,default=100" binding:"min=1"`
}

func listOf[T any](read func(context.Context, paging) ([]T, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		var page paging
		if err := c.ShouldBindQuery(&page); err != nil {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"detail": err.Error()})
			return
		}
		found, err := read(c.Request.Context(), page)
		if err != nil {
			fail(c, err)
			return
		}
		c.JSON(http.StatusOK, found)
	}
}

func one(read func(context.Context, int64) (*Product, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		var path struct {
			IDKey int64 `uri:"id_key" binding:"required"`
		}
		if err := c.ShouldBindUri(&path); err != nil {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"detail": err.Error()})
			return
		}
		found, err := read(c.Request.Context(), path.IDKey)
		if err != nil {
			fail(c, err)
			return
		}
		c.JSON(http.StatusOK, found)
	}
}

func create(shop *shop) gin.HandlerFunc {
	return func(c *gin.Context) {
		var body NewClient
		if err := c.ShouldBindJSON(&body); err != nil {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"detail": err.Error()})
			return
		}
		created, err := shop.createClient(c.Request.Context(), &body)
		if err != nil {
			fail(c, err)
			return
		}
		c.JSON(http.StatusCreated, created)
	}
}

func cachedProducts(shop *shop, pool *redis.Pool) gin.HandlerFunc {
	return func(c *gin.Context) {
		var page paging
		if err := c.ShouldBindQuery(&page); err != nil {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"detail": err.Error()})
			return
		}
		key := "gin:products:list:skip:" + strconv.Itoa(page.Skip) + ":limit:" + strconv.Itoa(page.Limit)
		body, err := cached(pool, key, func() ([]byte, error) {
			found, err := shop.products(c.Request.Context(), page)
			if err != nil {
				return nil, err
			}
			return json.Marshal(found)
		})
		if err != nil {
			fail(c, err)
			return
		}
		c.Data(http.StatusOK, "application/json; charset=utf-8", body)
	}
}

func fail(c *gin.Context, err error) {
	switch {
	case errors.Is(err, errNotFound):
		c.JSON(http.StatusNotFound, gin.H{"message": err.Error()})
	case errors.Is(err, errTaken):
		c.JSON(http.StatusConflict, gin.H{"detail": err.Error()})
	default:
		c.JSON(http.StatusInternalServerError, gin.H{"detail": err.Error()})
	}
}
